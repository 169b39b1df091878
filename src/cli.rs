//! The command line, which is also the action's inputs.
