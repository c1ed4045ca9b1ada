//! Whole packages in the real kernel: namespaces from the plan's topology, real connections.
