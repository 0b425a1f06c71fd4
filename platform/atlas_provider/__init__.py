"""The Pulumi provider of Atlas: pipelines and their parts as resources."""
