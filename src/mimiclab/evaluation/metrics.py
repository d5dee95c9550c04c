"""The metrics of every report; the functions are shared with training, in `maths`."""

from types import MappingProxyType

from mimiclab.maths.metrics import METRICS as METRICS
from mimiclab.maths.metrics import KinematicState as KinematicState
from mimiclab.maths.metrics import Metric as Metric
from mimiclab.maths.metrics import acceleration_error as acceleration_error
from mimiclab.maths.metrics import anchor_angular_velocity_error as anchor_angular_velocity_error
from mimiclab.maths.metrics import anchor_linear_velocity_error as anchor_linear_velocity_error
from mimiclab.maths.metrics import anchor_orientation_error as anchor_orientation_error
from mimiclab.maths.metrics import anchor_position_error as anchor_position_error
from mimiclab.maths.metrics import angular_velocity_error as angular_velocity_error
from mimiclab.maths.metrics import body_position_error_mm as body_position_error_mm
from mimiclab.maths.metrics import completion as completion
from mimiclab.maths.metrics import joint_position_error as joint_position_error
from mimiclab.maths.metrics import joint_velocity_error as joint_velocity_error
from mimiclab.maths.metrics import mpjpe_global_mm as mpjpe_global_mm
from mimiclab.maths.metrics import mpjpe_root_mm as mpjpe_root_mm
from mimiclab.maths.metrics import orientation_error as orientation_error
from mimiclab.maths.metrics import tracking_errors as tracking_errors
from mimiclab.maths.metrics import velocity_error as velocity_error
from mimiclab.maths.mosaic_metrics import MOSAIC_METRICS as MOSAIC_METRICS
from mimiclab.maths.mosaic_metrics import MOSAIC_TABLE as MOSAIC_TABLE
from mimiclab.maths.mosaic_metrics import SYMBOLS as SYMBOLS
from mimiclab.maths.mosaic_metrics import anchor_velocity_error as anchor_velocity_error
from mimiclab.maths.mosaic_metrics import feet_stumble as feet_stumble
from mimiclab.maths.mosaic_metrics import has_fallen as has_fallen
from mimiclab.maths.mosaic_metrics import metric_key as metric_key
from mimiclab.maths.mosaic_metrics import mosaic_errors as mosaic_errors
from mimiclab.maths.mosaic_metrics import position_error as position_error

REPORT_METRICS = MappingProxyType({**METRICS, **MOSAIC_METRICS})
"""Every frame error of a report: ours, then those that only MOSAIC has."""
