"""For all tests: Hypothesis tries the same examples every time, and says how to replay one that fails."""

import os
import signal

import hypothesis

pytest_plugins = ["pytester"]

hypothesis.settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As a shell's background job has it. Processes started from here would inherit that, and Ctrl-C is tested.
    signal.signal(signal.SIGINT, signal.default_int_handler)
