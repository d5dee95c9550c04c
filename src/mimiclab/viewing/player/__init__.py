"""The browser player: a clock, what is shown, the controls' logic, and the page, each by itself."""
