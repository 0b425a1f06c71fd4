"""The platform on one machine: real servers, as supervised processes on loopback."""
