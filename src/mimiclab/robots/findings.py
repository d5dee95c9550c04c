"""What a check of a robot finds: errors, warnings and measured facts."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RobotFinding:
    """One thing that is wrong (`error`) or odd (`warning`)."""

    code: str
    severity: str
    message: str


@dataclass(frozen=True)
class RobotReport:
    """What a check found."""

    robot: str
    findings: tuple[RobotFinding, ...]
    facts: dict[str, float | int | str] = field(default_factory=dict)
    """Measured numbers: joints, mass, heights, errors."""
    suggestion: str = ""
    """For a bare MJCF file: a robot description to start from, as Python."""

    @property
    def ok(self) -> bool:
        """No errors; warnings are allowed."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_json(self) -> dict:
        """Plain data, schema 1."""
        return {
            "schema": 1,
            "robot": self.robot,
            "ok": self.ok,
            "findings": [vars(finding) for finding in self.findings],
            "facts": self.facts,
            "suggestion": self.suggestion,
        }


Found = list[RobotFinding]


def error(code: str, message: str) -> RobotFinding:
    """A finding that makes the robot unusable."""
    return RobotFinding(code, "error", message)


def warning(code: str, message: str) -> RobotFinding:
    """A finding to look at."""
    return RobotFinding(code, "warning", message)
