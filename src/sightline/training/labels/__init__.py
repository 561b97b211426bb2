"""Labels that no person drew: simulated observers and scribbles, pseudo-labels, a segmenter as teacher."""
