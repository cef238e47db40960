"""Train the network that finds the lungs on films with masks, and publish it with its record."""

from train.lungs.config import LungConfig
from train.lungs.training import train_lungs

__all__ = ["LungConfig", "train_lungs"]
