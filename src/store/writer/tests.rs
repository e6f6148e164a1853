//! Tests of the group commit on a real SQLCipher file.
