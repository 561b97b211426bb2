"""What the verbs of `sightline` do, without their command lines."""
