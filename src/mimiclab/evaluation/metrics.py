"""The metrics of every report; the functions are shared with training, in `maths.metrics`."""

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
