"""Runs kosoku, with the cases of groups 12 and 13 repaired.

On a compressed connection kosoku hands a message that came uncompressed (as a short one may) to the case as a `str`, one
character for each byte, as in Python 2. These cases hash what they get, and Python 3 hashes bytes only.
"""

from kosoku import _caseindex

_caseindex.initialize_shims()

import case12_x_x  # noqa: E402 (found by what the line above has set up)
from kosoku._cli import main  # noqa: E402


def takes_bytes(on_message):
    def take(self, message, binary):
        on_message(self, message.encode("latin-1") if isinstance(message, str) else message, binary)

    return take


for case in case12_x_x.Case12_X_X + case12_x_x.Case13_X_X:
    case.onMessage = takes_bytes(case.onMessage)

main()
