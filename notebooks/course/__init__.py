"""What only the course needs: cells and optimizers to compare with, experiments, the quiz. Figures are in pictures/."""
