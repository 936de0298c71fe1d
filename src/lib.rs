//! Squall: a chaos test harness and simulator for WhatsApp-style persistent connections.
