"""`sightline batch`: many sources, on the processes of one machine or on a Ray cluster, resumable.

`job` says what is done to one source, and is the same everywhere; `processes` and `cluster` say where; `run` is the
driver; `store` reads and writes places that are no folders; `listing` finds the sources.
"""

from sightline.apps.batch.job import Job
from sightline.apps.batch.run import Batch, Report

__all__ = ["Batch", "Job", "Report"]
