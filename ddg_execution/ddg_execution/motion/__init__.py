"""Where the arm can be and how it gets there; the one home of Pinocchio, Coal and OMPL."""
