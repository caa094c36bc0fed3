//! Every setting: its key, its name in the environment, its default and what it is for.
