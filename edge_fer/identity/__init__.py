"""Who it is: embeddings, the gallery of enrolled people, and the decision for a track."""
