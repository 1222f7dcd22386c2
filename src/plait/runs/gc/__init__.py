"""What has grown, and what of it nobody needs."""
