"""Whether a deployed model should be trained again, with a stated rate of false alarms."""
