"""EGCNet: clips of videos and photographs with fixations."""
