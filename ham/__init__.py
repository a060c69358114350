"""HAM Lab: explore HAM10000, train an LSTM and a CNN on it, compare them, ask them.

config      classes and facts, errors, folders, settings and recipes
hosting     who may do what where several people share a server, and how much of it
io          the floor under all: files written whole, damage, archives, work in the background
images      bytes -> checked image -> pixels: the one decoding step
data        files -> validated LesionDataset; cache; splits; leakage report
models      one file an architecture, and their registry
training    train(config, dataset, report) -> Run
evaluation  y_true + proba -> Evaluation: scores, intervals, paired tests
store       run folders: create, status, read, list, delete
engine      the queue and its workers: processes of this machine, or a Dask cluster
report      what the answers of runs are worth: numbers, tables, sentences, JSON, CSV
lab         experiments made of several runs: the leakage measurement
lesson      seven tasks that check themselves off, and the teacher's sheet
prediction  checked image + run -> Prediction
interchange a run's model as a file for other programs, checked
charts      report, tables -> Plotly figures
document    a comparison as one HTML file
ui          the only module that imports Streamlit
cli         python -m ham: the same verbs without a browser

Importing `ham` imports none of them.
"""

__version__ = "0.2.0"
