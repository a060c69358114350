"""Who may do what where several people share a server, and how much of it.

roles    what can be done (Act), and what a viewer, a trainer and an owner may do of it
door     `require`: the one place that refuses; every verb that writes what others see asks it
limits   how long the queue, how full the disk may become: from the environment
address  whether a server can be reached from other computers, and whether it asks for a log-in

A page may forget to ask; the verb that it calls does not. Without HAM_READONLY and without a
log-in whoever can reach the dashboard is its owner, as is always the command line.
"""

from ham.hosting.address import has_login, is_loopback, open_to_all
from ham.hosting.door import (
    Person,
    acting,
    acting_as,
    ask_for_visitors,
    may,
    read_only,
    require,
    why_not,
)
from ham.hosting.limits import LIMITS, Limit, refuse_full_disk, refuse_full_queue
from ham.hosting.roles import ROLES, Act, Role, Roles

__all__ = [
    "LIMITS",
    "ROLES",
    "Act",
    "Limit",
    "Person",
    "Role",
    "Roles",
    "acting",
    "acting_as",
    "ask_for_visitors",
    "has_login",
    "is_loopback",
    "may",
    "open_to_all",
    "read_only",
    "refuse_full_disk",
    "refuse_full_queue",
    "require",
    "why_not",
]
