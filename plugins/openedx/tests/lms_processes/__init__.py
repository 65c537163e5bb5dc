"""The backend and the Django app in processes of a platform."""
