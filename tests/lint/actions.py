"""`python -m tests.lint.actions`: each action of core has its row in the matrix of actions and roles."""

import sys

from tests.staff.test_matrix import not_listed


def main() -> int:
    missing = not_listed()
    for name in missing:
        print(f"{name}: who may do it? Add its page and right to NEEDS in tests/staff/test_matrix.py.")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
