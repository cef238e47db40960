"""Train a backbone end to end on chest films, for where public weights cannot be had.

Films are cropped at random and grow from stage to stage. A network trained on crops of 160 pixels
sees structures at about the size at which it meets them later in whole films of 224, for half the
arithmetic (Touvron et al., "Fixing the train-test resolution discrepancy", 2019). At the end the
running means of BatchNorm are measured anew on whole films at the serving size.

Films that a later step needs unseen (validation, calibration) are left out; those that were fitted
are listed. The same loop refines networks that come with weights, public ones or its own.
"""

from train.pretrain.config import FineTuneConfig, PretrainConfig, Stage
from train.pretrain.images import Images, load_images
from train.pretrain.result import WEIGHTS, build_pretrained, read_pretraining
from train.pretrain.training import pretrain

__all__ = [
    "WEIGHTS",
    "FineTuneConfig",
    "Images",
    "PretrainConfig",
    "Stage",
    "build_pretrained",
    "load_images",
    "pretrain",
    "read_pretraining",
]
