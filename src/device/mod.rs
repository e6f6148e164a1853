//! Adapters to the machine the box runs on. Each is the only place that may
//! touch what it adapts.
