"""Training: from a folder of films to a published bundle. Uses `cxr_core`, never the other way."""
