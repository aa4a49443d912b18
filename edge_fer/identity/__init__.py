"""Who a face belongs to: embeddings, the gallery of enrolled people, enrollment, and the decision per track."""
