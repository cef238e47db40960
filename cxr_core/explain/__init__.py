"""Heatmaps: what moved a score, in closed form from the forward pass that made the prediction."""
