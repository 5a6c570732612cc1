"""What every body of a request is."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_UNKNOWN = 20
"""Fields that nobody knows, of which each is named in the answer; a million of them would be named too."""
Name = Annotated[str, Field(min_length=1, max_length=63)]


class Body(BaseModel):
    """What a request carries; a field nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def refuse_crowds(cls, said: Any) -> Any:
        """Refuse a body of many fields at once, which takes no time, rather than each of them."""
        if isinstance(said, dict) and len(said) > len(cls.model_fields) + MOST_UNKNOWN:
            raise ValueError("there are many fields that nobody knows")
        return said


class SignedBody(Body):
    """What a request carries that is kept together with who sent it, which is known from the token."""

    @model_validator(mode="before")
    @classmethod
    def refuse_by(cls, said: Any) -> Any:
        """Refuse the name that clients once wrote themselves: another than they wrote would be kept."""
        if isinstance(said, dict) and "by" in said:
            raise ValueError("who asks is known from the token; leave `by` out")
        return said


class EmptyBody(SignedBody):
    """What a request carries that has nothing to add."""
