"""For all tests: Hypothesis tries the same examples every time, and says how to replay one that fails."""

import os

import hypothesis

pytest_plugins = ["pytester"]

hypothesis.settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
