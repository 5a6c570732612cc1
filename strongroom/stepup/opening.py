"""Step-ups, put together for one process."""

from strongroom.services import Services
from strongroom.stepup.challenges import CodeCheck, StepUps
from strongroom.stepup.witnessing import write_down


def open_step_ups(services: Services, codes: CodeCheck) -> StepUps:
    """Put the parts together; connects to nothing."""
    return StepUps(services.catalog, services.settings, services.clock, services.random, codes, write_down)
