"""Where a run is in its data."""

from __future__ import annotations

import lightning as L


class Batches(L.LightningDataModule):
    """The data of a task. They are apart from it, because the running average copies the task."""

    @property
    def done(self) -> int:
        """Steps that the run has made before, whose batches are left out."""
        return self.trainer.global_step if self.trainer else 0

    @property
    def rank(self) -> int:
        """The number of this process among those that train together; each draws batches of its own."""
        return self.trainer.global_rank if self.trainer else 0
