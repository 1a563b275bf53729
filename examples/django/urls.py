"""The stops of the tour."""

from django.urls import path

from tour import views

urlpatterns = [
    path('', views.index, name='index'),
    path('tour/', views.request, name='tour'),
    path('tour/form/', views.form, name='form'),
    path('tour/stream/', views.stream, name='stream'),
    path('tour/error/', views.error, name='error'),
]
