"""What every body of a request is."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=63)]


class Body(BaseModel):
    """What a request carries; a field nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
