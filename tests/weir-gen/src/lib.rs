//! Writes valid packages of any size, for scale.
