"""What tests of projects get from deployments: a platform of their own."""
