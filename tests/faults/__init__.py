"""Faults injected into the real program, counted kind by kind; SECURITY.md has the table.

    python -m pytest -m slow tests/faults                   what CI runs: five minutes
    python -m pytest -m slow tests/faults --faults full     what runs at night, with another seed each day

A test is a kind of fault or two, and a row of the table for each. A row holds where all of its cases do. An input that
once did not is kept in the list KEPT of its module, which both sizes try.
"""
