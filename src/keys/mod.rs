//! The key slots: how a passphrase or the recovery key opens the data key.
