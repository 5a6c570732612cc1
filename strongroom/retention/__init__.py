"""What stays and what goes: policies, holds, the plan, expiry, and the collection of what nobody needs."""
