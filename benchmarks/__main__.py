"""`make bench`: every benchmark in its usual size, one after the other. Each prints a table in Markdown."""

from __future__ import annotations

from benchmarks import data_in, engine, planning, search_quality

if __name__ == "__main__":
    engine.main()
    print()
    search_quality.main()
    print()
    planning.main()
    print()
    data_in.main()
