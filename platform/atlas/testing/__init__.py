"""What tests of pipelines need; shipped, so that users need not write it."""
