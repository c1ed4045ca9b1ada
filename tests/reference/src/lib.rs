//! A reference evaluator of the language: obvious, slow, and sharing no code with the engine.
