"""The platform on AWS: network, EKS, S3, RDS, ECR, keys; and the platform of a cluster on them."""
