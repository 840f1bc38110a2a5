"""The stack around the reference handler: Terraform, CloudFormation, and the packaging of the function."""
