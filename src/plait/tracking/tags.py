"""The tags that plait gives runs, and versions of registered models."""

IDENTITY = "plait.identity"
"""The identity that a run is of."""

EXPERIMENT = "plait.experiment"
"""The experiment that a run is of."""

VERSION = "plait.version"
"""The installed version of plait."""

ERROR = "plait.error"
"""Why a run failed or was killed."""

RESTORED = "plait.restored"
"""``true`` of a run recorded from outputs that DVC restored."""

DVC_EXPERIMENT = "plait.dvc_experiment"
"""The name of the `dvc exp` that a run was recorded by."""

DIFFERENCES = "plait.differences"
"""What was measured again and came out otherwise."""

DEVICES = "plait.devices"
"""What a training ran on."""

HOST = "plait.host"
"""The machine of the process that writes a run."""

PID = "plait.pid"
"""The id of that process."""

PID_STARTED = "plait.pid_started"
"""When it started, in seconds since the epoch."""

PID_BOOT = "plait.pid_boot"
"""The boot of the machine that its id is of."""

LAST_HEARTBEAT = "plait.heartbeat"
"""When that process last wrote, in seconds since the epoch."""

DIRTY = "plait.git_dirty"
"""The tag that says whether there were changes beside the commit: ``true`` or ``false``."""

PATCH = "plait.patch"
"""The digest of the patch of a tree with uncommitted changes; or one of the words below."""

WITHOUT = "plait.patch_without"
"""The tag that names what the patch leaves out: a line a file, ``path: reason``."""

MEASURED_BY = "plait.evaluation"
"""The tag of a measured run that holds `plait.tracking.record.record.evaluation_digest`."""

SOURCE_MEASURES = "plait.source_evaluation"
"""The tag with the `evaluation_digest` of the tree that the tags of the source name."""

WEIGHTS = "plait.weights"
"""The tag that holds `weights_digest`."""

MAIN_METRIC = "plait.main_metric"
"""The tag that names the metric by which runs are ranked, such as ``test/mse``."""

DIRECTION = "plait.direction"
"""The tag that says whether the main metric is better small: ``minimize`` or ``maximize``."""

TESTED_ON = "plait.tested_on"
"""The tag that two runs share whose numbers are of the same test rows."""

VALIDATED_ON = "plait.validated_on"
"""The tag that two runs share whose numbers are of the same validation rows."""

NAIVE_VERDICT = "plait.verdict"
"""The sentence that compares a run with the naive baselines."""

BETTER_THAN_NAIVE = "plait.better_than_naive"
"""Whether it is better than all of them: ``true`` or ``false``."""

SWEEPS = "plait.sweep"
"""The tag that names the sweeps that a run is a trial of, as `names_in` reads them."""

OVERRIDES = "plait.overrides"
"""What the command line set for a trial."""

BEST_OF = "plait.best_of"
"""The tag that names the sweeps whose best trial a run is."""

REPEATS = "plait.repeats"
"""The tag with mean and standard error of the trials that differ from a run by their seed alone."""

REBUILT = "plait.rebuild"
"""The tag of a recorded run with verdict and date."""

BEATEN = "plait.beaten"
"""The tag of a version that says what it beat, and by how much."""

FORCED = "plait.forced"
"""The tag of a version and of its run that says why the gate was overridden, and what it said."""
