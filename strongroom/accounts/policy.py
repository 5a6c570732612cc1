"""What the settings say about second factors."""

from dataclasses import dataclass

from strongroom.access.principals import Role


@dataclass(frozen=True, slots=True)
class MfaPolicy:
    """Whether there are second factors, what apps call this, who must have one, and how late a code may be."""

    enabled: bool
    issuer: str
    required_for_admin: bool
    window_steps: int

    def requires(self, role: Role) -> bool:
        """Say whether an account of this role must have a second factor."""
        return self.enabled and self.required_for_admin and role is Role.ADMIN
