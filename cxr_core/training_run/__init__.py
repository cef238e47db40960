"""Training runs as they lie on disk: finished, being written, stopped, pre-trained or published.

RUN/config.json                     settings, written at the start
RUN/run.json                        settings and figures, written at the end
RUN/runs/<system>/history.csv       one row an epoch, rewritten after every epoch
RUN/runs/<system>/run.json          figures of one system
DIR/pretraining.json                a finished pre-training; until then DIR/checkpoint/state.json
BUNDLE/variants/<variant>/runs/     as RUN/runs, published

Nothing here writes. What claims to be a run and cannot be read is listed with its reason; folders
that claim nothing are only counted, because names of folders may name people.
"""

from cxr_core.training_run.find import PUBLISHED, bundle_runs, find_runs
from cxr_core.training_run.history import History, smooth
from cxr_core.training_run.run import Run, RunList, Skipped, SystemRun, config_differences

__all__ = [
    "PUBLISHED",
    "History",
    "Run",
    "RunList",
    "Skipped",
    "SystemRun",
    "bundle_runs",
    "config_differences",
    "find_runs",
    "smooth",
]
