"""From the motion of a person, or of another robot, to the motion of a robot."""

from mimiclab.motions.retarget.contacts import ContactCfg as ContactCfg
from mimiclab.motions.retarget.ground import FlatGround as FlatGround
from mimiclab.motions.retarget.ground import HeightGrid as HeightGrid
from mimiclab.motions.retarget.ground import ground_from_mesh as ground_from_mesh
from mimiclab.motions.retarget.options import SolveCfg as SolveCfg
from mimiclab.motions.retarget.retarget import Retargeted as Retargeted
from mimiclab.motions.retarget.retarget import retarget as retarget
from mimiclab.motions.retarget.targets import RetargetProblem as RetargetProblem
from mimiclab.motions.retarget.targets import make_problem as make_problem
