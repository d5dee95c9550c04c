"""The motion workbench: browse, compare, judge and trim motions in the browser."""
