"""The calendars that recurring-ical-events and icalendar test themselves with, out of their own packages.

    python corpus.py recurring_ical_events|icalendar < null.json

Answer: {file name: text}. Bytes that are not UTF-8 become U+FFFD.
"""

import importlib
import json
import pathlib
import sys

folder = pathlib.Path(importlib.import_module(sys.argv[1]).__file__).parent
files = sorted(folder.rglob("*.ics"))
json.dump({str(file.relative_to(folder)): file.read_bytes().decode("utf-8", "replace") for file in files}, sys.stdout)
